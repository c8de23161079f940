# Answers of Ruby's Random. The protocol is described in make.py.

if ARGV[0] == "--version"
  puts RUBY_DESCRIPTION
  exit
end
abort "unknown preset #{ARGV[0]}" unless ARGV[0] == "ruby_rand"

$stdin.each_line do |line|
  seed, modulus, skip, count = line.split.map(&:to_i)
  random = Random.new(seed)
  outputs = Array.new(count) do
    skip.times { random.rand(modulus) }
    random.rand(modulus)
  end
  puts outputs.join(" ")
end
