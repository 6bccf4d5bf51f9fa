require "kemal"
db = ENV["DATABASE_URL"]
port = ENV.fetch("PORT", "3000").to_i
get "/healthz" do
  "ok"
end
Kemal.run
