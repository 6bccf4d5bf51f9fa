import mist
import envoy

pub fn main() {
  let assert Ok(secret) = envoy.get("SECRET_KEY")
  handler |> mist.new |> mist.port(8001) |> mist.start_http
}
