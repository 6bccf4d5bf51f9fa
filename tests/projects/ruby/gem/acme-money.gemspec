Gem::Specification.new do |s|
  s.name = 'acme-money'
end
