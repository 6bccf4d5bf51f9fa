use Mix.Config
secret = System.get_env("SECRET_KEY_BASE") || raise "missing"
config :forum, ForumWeb.Endpoint, http: [port: String.to_integer(System.get_env("PORT") || "4000")]
