#[async_std::main]
async fn main() -> tide::Result<()> {
    blog_engine::run().await
}
