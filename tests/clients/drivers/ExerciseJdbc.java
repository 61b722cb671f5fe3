// pgjdbc.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class ExerciseJdbc {
  static Connection connect(String... options) throws SQLException {
    var environment = System.getenv();
    var properties = new Properties();
    properties.put("user", environment.get("PGUSER"));
    properties.put("password", environment.get("PGPASSWORD"));
    properties.put("ApplicationName", environment.get("PGAPPNAME"));
    properties.put("prepareThreshold", "2"); // so that the third execution has a named statement
    for (int i = 0; i < options.length; i += 2) properties.put(options[i], options[i + 1]);
    return DriverManager.getConnection(String.format("jdbc:postgresql://%s:%s/%s", environment.get("PGHOST"),
        environment.get("PGPORT"), environment.get("PGDATABASE")), properties);
  }

  static void step(String name, Object... values) {
    System.out.println(name + ": " + Arrays.stream(values).map(value -> value == null ? "NULL" : value.toString())
        .collect(Collectors.joining(" ")).replace("\n", "\\n"));
  }

  interface Action {
    void run() throws Exception;
  }

  static ServerErrorMessage serverError(String name, Action action) throws Exception {
    try {
      action.run();
    } catch (SQLException error) {
      // Of a batch, the server's error comes after the batch's own.
      var last = error.getNextException() instanceof PSQLException ? error.getNextException() : error;
      var message = ((PSQLException) last).getServerErrorMessage();
      step(name, message.getSQLState(), message.getMessage());
      return message;
    }
    throw new Exception(name + ": no error");
  }

  static int update(Connection connection, String sql, Object... values) throws SQLException {
    try (var statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; ++i) statement.setObject(i + 1, values[i]);
      return statement.executeUpdate();
    }
  }

  static void run(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  static String[] row(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement(); var result = statement.executeQuery(sql)) {
      result.next();
      var values = new String[result.getMetaData().getColumnCount()];
      for (int i = 0; i < values.length; ++i) values[i] = result.getString(i + 1);
      return values;
    }
  }

  static String items(Connection connection) throws SQLException {
    return row(connection, "SELECT count(*) FROM item")[0];
  }

  static void values(Connection connection) throws Exception {
    try (var simple = connect("preferQueryMode", "simple")) {
      step("simple", (Object[]) row(simple, "SELECT 1, 'one'"));
    }
    var json = new PGobject();
    json.setType("json");
    json.setValue("{\"a\":[1,null,\"ü\"]}");
    var hex = new StringBuilder("\\x");
    try (var statement = connection.prepareStatement(
        "SELECT ?::int4, ?::int8, ?::numeric, ?::float8, ?::bool, ?::text, ?::text, ?::text, ?::bytea, ?::timestamptz, "
            + "?::int[], ?::text[], ?::json")) {
      Object[] parameters = {-2147483648, 9223372036854775807L, new BigDecimal("12345678901234567890.123456789"), 0.1,
          true, "naïve ✓ 𝄞 'single' \"double\" \\ back", "", null, new byte[] {0, (byte) 255, '\\', '\''},
          Timestamp.from(Instant.parse("2024-02-29T12:34:56.789Z")),
          connection.createArrayOf("int4", new Object[] {-1, null, 3}),
          connection.createArrayOf("text", new Object[] {"a", "ü", null}), json};
      for (int i = 0; i < parameters.length; ++i) statement.setObject(i + 1, parameters[i]);
      for (int execution = 0; execution < 3; ++execution) { // the last one in binary
        try (var result = statement.executeQuery()) {
          result.next();
          if (execution < 2) continue;
          step("int4", result.getInt(1));
          step("int8", result.getLong(2));
          step("numeric", result.getBigDecimal(3));
          step("float8", result.getDouble(4));
          step("bool", result.getBoolean(5) ? "t" : "f");
          step("text", result.getString(6));
          step("empty text", result.getString(7));
          step("null", result.getString(8));
          for (byte b : result.getBytes(9)) hex.append(String.format("%02x", b));
          step("bytea", hex);
          step("timestamptz", result.getTimestamp(10).toInstant().toString().replace('T', ' ').replace("Z", "+00"));
          step("int array", result.getArray(11).toString().replace("\"", ""));
          step("text array", result.getArray(12).toString().replace("\"", ""));
          step("json", result.getString(13));
        }
      }
    }
    try (var statement = connection.prepareStatement("SELECT ?::text")) {
      statement.setString(1, "x".repeat(1_000_000));
      try (var result = statement.executeQuery()) {
        result.next();
        step("big", result.getString(1).length());
      }
    }
    var doubled = new ArrayList<Integer>();
    try (var statement = connection.prepareStatement("SELECT ?::int * 2")) {
      for (int number = 1; number <= 3; ++number) {
        statement.setInt(1, number);
        try (var result = statement.executeQuery()) {
          result.next();
          doubled.add(result.getInt(1));
        }
      }
    }
    step("prepared", doubled.toArray());
  }

  static void transactions(Connection connection) throws Exception {
    step("insert", update(connection, "INSERT INTO item VALUES (?, ?), (?, ?)", 1, "one", 2, "two"));
    step("update", update(connection, "UPDATE item SET name = ? WHERE id = ?", "zwei", 2));
    step("delete", update(connection, "DELETE FROM item WHERE id = ?", 2));
    connection.setAutoCommit(false);
    run(connection, "INSERT INTO item VALUES (2)");
    connection.commit();
    step("commit", items(connection));
    run(connection, "INSERT INTO item VALUES (3)");
    connection.rollback();
    step("rollback", items(connection));
    run(connection, "INSERT INTO item VALUES (3)");
    Savepoint here = connection.setSavepoint();
    var message = serverError("savepoint", () -> update(connection, "INSERT INTO item VALUES (?)", 1));
    connection.rollback(here);
    run(connection, "INSERT INTO item VALUES (4)");
    connection.commit();
    step("constraint", message.getConstraint(), message.getDetail());
    step("savepoint rows", items(connection));
    serverError("error", () -> run(connection, "SELECT 1 / 0"));
    serverError("aborted", () -> run(connection, "SELECT 1"));
    connection.rollback();
    step("after error", (Object[]) row(connection, "SELECT 1"));
    connection.rollback();
    connection.setAutoCommit(true);
    try {
      run(connection, "SELECT nonsense");
    } catch (PSQLException error) {
      step("position", error.getServerErrorMessage().getPosition());
    }
  }

  static void insertAll(Connection connection, int... divisors) throws SQLException {
    try (var statement = connection.prepareStatement("INSERT INTO item VALUES (100 / ?)")) {
      for (int divisor : divisors) {
        statement.setInt(1, divisor);
        statement.addBatch();
      }
      statement.executeBatch();
    }
  }

  static void streams(Connection connection) throws Exception {
    insertAll(connection, 10, 9, 8);
    step("batch", items(connection));
    serverError("batch error", () -> insertAll(connection, 7, 0, 6));
    step("batch rows", items(connection));
    var copy = connection.unwrap(PGConnection.class).getCopyAPI();
    var lines = IntStream.rangeClosed(1001, 2000).mapToObj(i -> i + "\n").collect(Collectors.joining());
    step("copy in", copy.copyIn("COPY item (id) FROM STDIN", new StringReader(lines)));
    serverError("copy error", () -> copy.copyIn("COPY item (id) FROM STDIN", new StringReader("x\n")));
    var out = new StringWriter();
    copy.copyOut("COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT", out);
    List<Integer> numbers = out.toString().lines().map(Integer::parseInt).collect(Collectors.toList());
    step("copy out", numbers.size(), numbers.stream().mapToInt(Integer::intValue).sum());
  }

  static void asynchronous(Connection connection) throws Exception {
    try (var statement = connection.createStatement()) {
      statement.execute("SELECT say('hello')");
      step("notice", "NOTICE", statement.getWarnings().getMessage());
    }
    run(connection, "LISTEN tidings");
    run(connection, "NOTIFY tidings, 'payload'");
    PGNotification notification = connection.unwrap(PGConnection.class).getNotifications(10_000)[0];
    step("notify", notification.getName(), notification.getParameter());
    try (var statement = connection.createStatement()) {
      var canceller = new Thread(() -> {
        try (var other = connect()) {
          run(other, "SELECT await_sleeper()");
          statement.cancel();
        } catch (SQLException error) {
          throw new RuntimeException(error);
        }
      });
      canceller.start();
      serverError("cancel", () -> statement.execute("SELECT pg_sleep(30)"));
      canceller.join();
      Thread.sleep(300); // PostgreSQL signals twice: the second signal must not meet the next statement.
    }
  }

  static void large(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (var statement = connection.createStatement()) {
      statement.setFetchSize(1000); // a portal, executed for so many rows at a time
      long count = 0;
      long sum = 0;
      try (var result = statement.executeQuery("SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i")) {
        for (; result.next(); ++count) sum += result.getInt(1);
      }
      step("large", count, sum);
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  static void multi(Connection connection) throws SQLException {
    try (var statement = connection.createStatement()) {
      var results = new ArrayList<Integer>();
      for (boolean more = statement.execute("SELECT 1; SELECT 2"); more; more = statement.getMoreResults()) {
        ResultSet result = statement.getResultSet();
        result.next();
        results.add(result.getInt(1));
      }
      step("multi", results.toArray());
    }
  }

  static void exercise() throws Exception {
    try {
      connect("password", "wrong");
    } catch (PSQLException error) {
      step("wrong password", error.getServerErrorMessage().getMessage());
    }
    try (var connection = connect()) {
      step("connect", (Object[]) row(connection, "SELECT current_user, current_setting('application_name')"));
      values(connection);
      transactions(connection);
      streams(connection);
      asynchronous(connection);
      large(connection);
      multi(connection);
      run(connection, "");
      step("empty", "ok");
      var names = new ArrayList<String>();
      try (var tables = connection.getMetaData().getTables(null, "public", "%", new String[] {"TABLE"})) {
        while (tables.next()) names.add(tables.getString("TABLE_NAME"));
      }
      step("tables", names.toArray());
      run(connection, "DISCARD ALL");
      step("reset", "ok");
    }
    step("disconnect", "ok");
  }

  static void attempt(Connection connection, String name, Action action) throws Exception {
    try {
      action.run();
    } catch (SQLException error) {
      step(name, error.getMessage());
      var last = error.getNextException() instanceof PSQLException ? error.getNextException() : error;
      var message = ((PSQLException) last).getServerErrorMessage();
      step(name + " sqlstate", error.getSQLState());
      step(name + " detail", message.getDetail());
      step(name + " hint", message.getHint());
      step(name + " position", message.getPosition());
    }
    if (!connection.getAutoCommit()) {
      serverError(name + " aborted", () -> run(connection, "SELECT 1"));
      connection.rollback();
      connection.setAutoCommit(true);
    }
    step(name + " after", (Object[]) row(connection, "SELECT count(*), max(name) FROM kept"));
  }

  static void denied() throws Exception {
    try (var connection = connect()) {
      attempt(connection, "drop", () -> run(connection, "DROP TABLE kept CASCADE"));
      attempt(connection, "create", () -> update(connection, "CREATE TABLE made (id int)"));
      attempt(connection, "update", () -> update(connection, "UPDATE kept SET name = ?", "three"));
      connection.setAutoCommit(false);
      attempt(connection, "transaction", () -> {
        run(connection, "INSERT INTO kept VALUES (3)");
        run(connection, "DELETE FROM kept");
      });
      attempt(connection, "batch", () -> {
        try (Statement batch = connection.createStatement()) {
          for (var sql : List.of("INSERT INTO kept VALUES (4)", "DROP TABLE kept", "INSERT INTO kept VALUES (5)"))
            batch.addBatch(sql);
          batch.executeBatch();
        }
      });
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("exercise")) exercise();
    else denied();
  }
}
