var app = WebApplication.CreateBuilder(args).Build();
app.MapBlazorHub();
app.Run();
