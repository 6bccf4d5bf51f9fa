source 'https://rubygems.org'
gem 'grape'
gem 'puma'
gem 'mongoid'
