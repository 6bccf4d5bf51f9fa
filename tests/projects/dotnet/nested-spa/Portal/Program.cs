var b = WebApplication.CreateBuilder(args);
var s = b.Configuration["SENDGRID_KEY"] ?? throw new Exception();
b.WebHost.ConfigureKestrel(o => o.ListenAnyIP(6001));
