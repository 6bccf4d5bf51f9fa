mod users;

fn main() {
    println!("{}", std::env::var("ADMIN_TOKEN").unwrap());
}
