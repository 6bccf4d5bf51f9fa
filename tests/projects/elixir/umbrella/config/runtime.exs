import Config
key = System.fetch_env!("SECRET_KEY_BASE")
