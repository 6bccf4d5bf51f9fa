pub async fn run() -> tide::Result<()> {
    let mut app = tide::new();
    app.at("/api/health").get(|_| async { Ok("ok") });
    let port = std::env::var("PORT").unwrap_or_else(|_| "8082".to_string());
    app.listen(format!("0.0.0.0:{}", port)).await?;
    Ok(())
}
