use std::env;
use tiny_http::{Response, Server};

fn main() {
    let port = env::var("PORT").unwrap_or_else(|_| "4060".to_string());
    let server = Server::http(format!("0.0.0.0:{}", port)).expect("the port is taken");
    for request in server.incoming_requests() {
        let body = if request.url() == "/healthz" { "ok" } else { "greeting one" };
        let _ = request.respond(Response::from_string(body));
    }
}
