# In the place of the server that ruby-pg's own helpers would start, the one that the environment names.
require "tmpdir"

class PG::TestingHelpers::PostgresServer
  def initialize(name, port:)
    @name = name
    @port = port
    @logfile = Pathname.new(Dir.tmpdir) + "pgwarden-ruby-pg-#{Process.pid}.log"
    @conninfo = "host=localhost port=#{port} dbname=test sslmode=disable"
    @unix_socket = Dir.tmpdir
  end

  def teardown
    @logfile.delete
  end
end
