#[macro_use]
extern crate rocket;

#[get("/healthz")]
fn health() -> &'static str {
    "ok"
}

#[launch]
fn rocket() -> _ {
    rocket::build().mount("/", routes![health])
}
