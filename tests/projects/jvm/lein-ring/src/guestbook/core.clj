(ns guestbook.core (:gen-class))

(defn -main [& args]
  (run-jetty app {:port 3500 :secret (System/getenv "SESSION_SECRET")}))
