ENV['BUNDLE_GEMFILE'] ||= File.expand_path('Gemfile', __dir__)
require 'sinatra'

PEOPLE = ENV.fetch('PEOPLE') { File.read('people') }
get('/') { ENV['GREETING'] || 'Good day' }
