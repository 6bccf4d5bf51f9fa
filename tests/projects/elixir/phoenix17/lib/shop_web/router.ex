defmodule ShopWeb.Router do
  get "/health", HealthController, :index
end
