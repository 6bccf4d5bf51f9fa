class API < Grape::API
  get '/health' do
    {}
  end
end
