use poem::{listener::TcpListener, Server, Route};

#[tokio::main]
async fn main() -> Result<(), std::io::Error> {
    let addr = std::env::var("BIND_ADDR").unwrap_or("0.0.0.0:7000".into());
    Server::new(TcpListener::bind(addr)).run(Route::new()).await
}
