# ruby-pg.

require "pg"

TYPES = ["int4", "int8", "numeric", "float8", "bool", "text", "empty text", "null", "bytea", "timestamptz", "int array",
         "text array", "json"].freeze

def step(name, *values)
  puts "#{name}: #{values.map { |value| value.nil? ? 'NULL' : value.to_s }.join(' ').gsub("\n", '\n')}"
end

# PG::Result of the error that the block raises.
def failing
  yield
  raise "no error"
rescue PG::Error => error
  error.result
end

def server_error(name, &block)
  result = failing(&block)
  step(name, result.error_field(PG::PG_DIAG_SQLSTATE), result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY))
  result
end

def items(connection)
  connection.exec("SELECT count(*) FROM item").getvalue(0, 0)
end

def values(connection)
  step("simple", *connection.exec("SELECT 1, 'one'").values.first)
  row = connection.exec_params(
    "SELECT $1::int4, $2::int8, $3::numeric, $4::float8, $5::bool, $6::text, $7::text, $8::text, $9::bytea, " \
    "$10::timestamptz, $11::int[], $12::text[], $13::json",
    [-2147483648, 2**63 - 1, "12345678901234567890.123456789", 0.1, true, "naïve ✓ 𝄞 'single' \"double\" \\ back", "",
     nil, { value: "\0\xff\\'".b, format: 1 }, "2024-02-29 12:34:56.789+00", "{-1,NULL,3}", "{a,ü,NULL}",
     '{"a":[1,null,"ü"]}']
  ).values.first
  TYPES.zip(row) { |type, value| step(type, value) }
  step("big", connection.exec_params("SELECT $1::text", ["x" * 1_000_000]).getvalue(0, 0).length)
  connection.prepare("twice", "SELECT $1::int * 2")
  step("prepared", *[1, 2, 3].map { |number| connection.exec_prepared("twice", [number]).getvalue(0, 0) })
end

def transactions(connection)
  step("insert",
       connection.exec_params("INSERT INTO item VALUES ($1, $2), ($3, $4)", [1, "one", 2, "two"]).cmd_tuples)
  step("update", connection.exec_params("UPDATE item SET name = $1 WHERE id = $2", ["zwei", 2]).cmd_tuples)
  step("delete", connection.exec_params("DELETE FROM item WHERE id = $1", [2]).cmd_tuples)
  connection.transaction { connection.exec("INSERT INTO item VALUES (2)") }
  step("commit", items(connection))
  begin
    connection.transaction do
      connection.exec("INSERT INTO item VALUES (3)")
      raise "rolled back"
    end
  rescue RuntimeError
    step("rollback", items(connection))
  end
  result = nil
  connection.transaction do
    connection.exec("INSERT INTO item VALUES (3)")
    connection.exec("SAVEPOINT here")
    result = server_error("savepoint") { connection.exec_params("INSERT INTO item VALUES ($1)", [1]) }
    connection.exec("ROLLBACK TO SAVEPOINT here")
    connection.exec("INSERT INTO item VALUES (4)")
  end
  step("constraint", result.error_field(PG::PG_DIAG_CONSTRAINT_NAME), result.error_field(PG::PG_DIAG_MESSAGE_DETAIL))
  step("savepoint rows", items(connection))
  connection.exec("BEGIN")
  server_error("error") { connection.exec("SELECT 1 / 0") }
  server_error("aborted") { connection.exec("SELECT 1") }
  connection.exec("ROLLBACK")
  step("after error", connection.exec("SELECT 1").getvalue(0, 0))
  step("position", failing { connection.exec("SELECT nonsense") }.error_field(PG::PG_DIAG_STATEMENT_POSITION))
end

# One pipeline with one Sync.
def pipeline(connection, *statements)
  connection.enter_pipeline_mode
  statements.each { |sql| connection.send_query_params(sql, []) }
  connection.pipeline_sync
  failed = nil
  loop do
    result = connection.get_result or next # between two statements
    break if result.result_status == PG::PGRES_PIPELINE_SYNC

    begin
      result.check
    rescue PG::Error => error
      failed ||= error
    end
  end
  connection.exit_pipeline_mode
  raise failed if failed
end

def streams(connection)
  pipeline(connection, *[11, 12, 13].map { |id| "INSERT INTO item VALUES (#{id})" })
  step("batch", items(connection))
  server_error("batch error") { pipeline(connection, "INSERT INTO item VALUES (21)", "SELECT 1 / 0", "SELECT 1") }
  step("batch rows", items(connection))
  result = connection.copy_data("COPY item (id) FROM STDIN") do
    (1001..2000).each { |id| connection.put_copy_data("#{id}\n") }
  end
  step("copy in", result.cmd_tuples)
  server_error("copy error") do
    connection.copy_data("COPY item (id) FROM STDIN") { connection.put_copy_data("x\n") }
  end
  ids = []
  connection.copy_data("COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT") do
    while (line = connection.get_copy_data)
      ids << line.to_i
    end
  end
  step("copy out", ids.length, ids.sum)
end

def asynchronous(connection)
  connection.set_notice_receiver do |result|
    step("notice", result.error_field(PG::PG_DIAG_SEVERITY), result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY))
  end
  connection.exec("SELECT say('hello')")
  connection.exec("LISTEN tidings")
  connection.exec("NOTIFY tidings, 'payload'")
  connection.wait_for_notify(10) { |channel, _, payload| step("notify", channel, payload) }
  connection.send_query("SELECT pg_sleep(30)")
  other = PG.connect
  other.exec("SELECT await_sleeper()")
  other.close
  connection.cancel
  server_error("cancel") { connection.get_last_result }
  sleep 0.3 # PostgreSQL signals twice: the second signal must not meet the next statement.
end

def large(connection)
  connection.send_query("SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i")
  connection.set_single_row_mode
  count = sum = 0
  connection.get_result.stream_each do |row|
    count += 1
    sum += row["i"].to_i
  end
  connection.get_result
  step("large", count, sum)
end

def exercise
  begin
    PG.connect(password: "wrong")
  rescue PG::ConnectionBad => error
    step("wrong password", error.message.split("FATAL: ").last.strip)
  end
  connection = PG.connect
  step("connect", *connection.exec("SELECT current_user, current_setting('application_name')").values.first)
  values(connection)
  transactions(connection)
  streams(connection)
  asynchronous(connection)
  large(connection)
  connection.send_query("SELECT 1; SELECT 2")
  step("multi", connection.get_result.getvalue(0, 0), connection.get_result.getvalue(0, 0))
  connection.get_result
  connection.exec("")
  step("empty", "ok")
  step("tables", connection.exec(<<~SQL).getvalue(0, 0))
    SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'public'
  SQL
  connection.exec("DISCARD ALL")
  step("reset", "ok")
  connection.close
  step("disconnect", "ok")
end

def attempt(connection, name)
  begin
    yield
  rescue PG::Error => error
    step(name, error.message)
    { sqlstate: PG::PG_DIAG_SQLSTATE, detail: PG::PG_DIAG_MESSAGE_DETAIL, hint: PG::PG_DIAG_MESSAGE_HINT,
      position: PG::PG_DIAG_STATEMENT_POSITION }.each do |field, code|
      step("#{name} #{field}", error.result.error_field(code))
    end
  end
  step("#{name} after", *connection.exec("SELECT count(*), max(name) FROM kept").values.first)
end

def denied
  connection = PG.connect
  attempt(connection, "drop") { connection.exec("DROP TABLE kept CASCADE") }
  attempt(connection, "create") { connection.prepare("making", "CREATE TABLE made (id int)") }
  attempt(connection, "update") { connection.exec_params("UPDATE kept SET name = $1", ["three"]) }
  attempt(connection, "transaction") do
    connection.transaction do
      connection.exec("INSERT INTO kept VALUES (3)")
      begin
        connection.exec("DELETE FROM kept")
      ensure
        server_error("transaction aborted") { connection.exec("SELECT 1") }
      end
    end
  end
  attempt(connection, "batch") do
    pipeline(connection, "INSERT INTO kept VALUES (4)", "DROP TABLE kept", "INSERT INTO kept VALUES (5)")
  end
  connection.close
end

send(ARGV[0])
