var builder = WebApplication.CreateBuilder(args);
var key = Environment.GetEnvironmentVariable("JWT_KEY") ?? throw new Exception("JWT_KEY");
var region = Environment.GetEnvironmentVariable("REGION") ?? "eu";
builder.Services.AddHealthChecks();
var app = builder.Build();
app.MapHealthChecks("/healthz");
app.Run();
