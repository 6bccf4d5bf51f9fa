require 'sinatra/base'
class App < Sinatra::Base
end
