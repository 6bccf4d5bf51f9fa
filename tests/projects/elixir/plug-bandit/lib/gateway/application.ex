defmodule Gateway.Application do
  def start(_, _) do
    children = [{Bandit, plug: Gateway.Router, port: 8085}]
    url = System.fetch_env!("REDIS_URL")
  end
end
