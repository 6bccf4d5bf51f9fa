Console.WriteLine(Environment.GetEnvironmentVariable("REPORT_DIR"));
