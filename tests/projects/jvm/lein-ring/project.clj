(defproject guestbook "0.1.0"
  :dependencies [[org.clojure/clojure "1.11.1"]
                 [ring/ring-jetty-adapter "1.11.0"]
                 [compojure "1.7.1"]
                 [org.postgresql/postgresql "42.7.1"]]
  :main guestbook.core
  :uberjar-name "guestbook.jar"
  :profiles {:uberjar {:aot :all}})
