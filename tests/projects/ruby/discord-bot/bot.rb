require 'discordrb'
bot = Discordrb::Bot.new token: ENV['DISCORD_TOKEN']
