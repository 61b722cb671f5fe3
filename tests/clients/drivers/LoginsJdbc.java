// pgjdbc logs in as each line of standard input says (see logins_test.py).

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import org.postgresql.util.PSQLException;

public class LoginsJdbc {
  static String outcome(String port, String tls, String user, String password, String write, String query)
      throws SQLException {
    var properties = new Properties();
    properties.put("user", user);
    properties.put("password", password);
    properties.put("sslmode", tls.equals("off") ? "disable" : "verify-full");
    properties.put("sslrootcert", System.getenv("PGSSLROOTCERT"));
    var url = "jdbc:postgresql://127.0.0.1:" + port + "/postgres";
    try (var connection = DriverManager.getConnection(url, properties); var statement = connection.createStatement()) {
      statement.execute(write);
      try (var result = statement.executeQuery(query)) {
        result.next();
        return result.getString(1);
      }
    } catch (PSQLException error) {
      var message = error.getServerErrorMessage();
      return "error: " + (message == null ? error.getMessage() : message.getMessage());
    }
  }

  public static void main(String[] arguments) throws Exception {
    var input = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line; (line = input.readLine()) != null;) {
      var fields = line.split("\t");
      System.out.println(outcome(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]));
    }
  }
}
