(ns hello.core)

(defn -main []
  (run-server handler {:port (Integer/parseInt (or (System/getenv "PORT") "8090"))}))
