require 'sinatra'
set :bind, '0.0.0.0'
set :port, ENV['PORT'] || 8080
redis = Redis.new(url: ENV.fetch('REDIS_URL'))
get '/healthz' do
  'ok'
end
