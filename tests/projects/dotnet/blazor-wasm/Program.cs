var builder = WebAssemblyHostBuilder.CreateDefault(args);
