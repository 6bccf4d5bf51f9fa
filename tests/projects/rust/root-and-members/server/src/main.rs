use tonic::transport::Server;

#[tokio::main]
async fn main() {
    let addr = "[::1]:50055".parse().unwrap();
    Server::builder().serve(addr).await.unwrap();
}
