require './hello'
run Sinatra::Application
