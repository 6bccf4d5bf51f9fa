defmodule Gateway.Router do
  get "/healthz" do
    send_resp(conn, 200, "ok")
  end
end
