token = ENV.fetch('TOKEN')
puts token
