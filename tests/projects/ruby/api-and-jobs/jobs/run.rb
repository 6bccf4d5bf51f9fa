Bunny.new(ENV['AMQP_URL'])
