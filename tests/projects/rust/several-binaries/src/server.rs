use warp::Filter;

#[tokio::main]
async fn main() {
    let live = warp::path("livez").map(|| "ok");
    warp::serve(live).run(([0, 0, 0, 0], 3030)).await;
}
