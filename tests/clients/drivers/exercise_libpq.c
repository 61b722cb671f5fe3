/* libpq itself: parameters in binary, its pipeline and single-row modes. */

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void step(const char* name, const char* format, ...) {
  char text[8192];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  printf("%s: ", name);
  for (const char* c = text; *c; ++c)
    if (*c == '\n')
      fputs("\\n", stdout);
    else
      putchar(*c);
  putchar('\n');
}

static const char* field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "NULL";
}

/* It is not freed in time by all who call this: the process does not live long. */
static PGresult* good(PGconn* connection, PGresult* result) {
  switch (PQresultStatus(result)) {
    case PGRES_BAD_RESPONSE:
    case PGRES_FATAL_ERROR:
      fprintf(stderr, "%s", PQerrorMessage(connection));
      exit(1);
    default:
      return result;
  }
}

static PGresult* run(PGconn* connection, const char* sql) {
  return good(connection, PQexec(connection, sql));
}

/* With parameters in text. */
static PGresult* parametrised(PGconn* connection, const char* sql, int count, const char* const* values) {
  return PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
}

static const char* value(PGconn* connection, const char* sql) {
  return PQgetvalue(run(connection, sql), 0, 0);
}

static void server_error(const char* name, const PGresult* result) {
  step(name, "%s %s", field(result, PG_DIAG_SQLSTATE), field(result, PG_DIAG_MESSAGE_PRIMARY));
}

static const char* items(PGconn* connection) { return value(connection, "SELECT count(*) FROM item"); }

static PGconn* connect_to(const char* options) {
  PGconn* connection = PQconnectdb(options);
  if (PQstatus(connection) != CONNECTION_OK) {
    fprintf(stderr, "%s", PQerrorMessage(connection));
    exit(1);
  }
  return connection;
}

static void values(PGconn* connection) {
  PGresult* result = run(connection, "SELECT 1, 'one'");
  step("simple", "%s %s", PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
  static const char* const types[] = {"int4",      "int8",       "numeric", "float8", "bool",
                                      "text",      "empty text", "null",    "bytea",  "timestamptz",
                                      "int array", "text array", "json"};
  enum { COUNT = sizeof types / sizeof *types, INT4 = 0, BYTEA = 8 };
  const char* parameters[COUNT] = {"\x80\0\0",
                                   "9223372036854775807",
                                   "12345678901234567890.123456789",
                                   "0.1",
                                   "t",
                                   "naïve ✓ 𝄞 'single' \"double\" \\ back",
                                   "",
                                   NULL,
                                   "\0\xff\\'",
                                   "2024-02-29 12:34:56.789+00",
                                   "{-1,NULL,3}",
                                   "{a,ü,NULL}",
                                   "{\"a\":[1,null,\"ü\"]}"};
  const int lengths[COUNT] = {[INT4] = 4, [BYTEA] = 4}, formats[COUNT] = {[INT4] = 1, [BYTEA] = 1};
  result =
      good(connection,
           PQexecParams(connection,
                        "SELECT $1::int4, $2::int8, $3::numeric, $4::float8, $5::bool, $6::text, $7::text, "
                        "$8::text, $9::bytea, $10::timestamptz, $11::int[], $12::text[], $13::json",
                        COUNT, NULL, parameters, lengths, formats, 0));
  for (int i = 0; i < COUNT; ++i)
    step(types[i], "%s", PQgetisnull(result, 0, i) ? "NULL" : PQgetvalue(result, 0, i));
  static char big[1000001];
  memset(big, 'x', sizeof big - 1);
  const char* parameter = big;
  result = good(connection, PQexecParams(connection, "SELECT $1::text", 1, NULL, &parameter, NULL, NULL, 1));
  step("big", "%d", PQgetlength(result, 0, 0));
  good(connection, PQprepare(connection, "twice", "SELECT $1::int * 2", 1, NULL));
  const char* doubled[3];
  for (int i = 0; i < 3; ++i) {
    const char* number = (const char*[]){"1", "2", "3"}[i];
    doubled[i] =
        PQgetvalue(good(connection, PQexecPrepared(connection, "twice", 1, &number, NULL, NULL, 0)), 0, 0);
  }
  step("prepared", "%s %s %s", doubled[0], doubled[1], doubled[2]);
}

static void transactions(PGconn* connection) {
  const char *rows[] = {"1", "one", "2", "two"}, *changes[] = {"zwei", "2"};
  PGresult* result = parametrised(connection, "INSERT INTO item VALUES ($1, $2), ($3, $4)", 4, rows);
  step("insert", "%s", PQcmdTuples(result));
  step("update", "%s",
       PQcmdTuples(parametrised(connection, "UPDATE item SET name = $1 WHERE id = $2", 2, changes)));
  step("delete", "%s",
       PQcmdTuples(parametrised(connection, "DELETE FROM item WHERE id = $1", 1, changes + 1)));
  run(connection, "BEGIN");
  run(connection, "INSERT INTO item VALUES (2)");
  run(connection, "COMMIT");
  step("commit", "%s", items(connection));
  run(connection, "BEGIN");
  run(connection, "INSERT INTO item VALUES (3)");
  run(connection, "ROLLBACK");
  step("rollback", "%s", items(connection));
  run(connection, "BEGIN");
  run(connection, "INSERT INTO item VALUES (3)");
  run(connection, "SAVEPOINT here");
  result = parametrised(connection, "INSERT INTO item VALUES ($1)", 1, rows);
  server_error("savepoint", result);
  run(connection, "ROLLBACK TO SAVEPOINT here");
  run(connection, "INSERT INTO item VALUES (4)");
  run(connection, "COMMIT");
  step("constraint", "%s %s", field(result, PG_DIAG_CONSTRAINT_NAME), field(result, PG_DIAG_MESSAGE_DETAIL));
  step("savepoint rows", "%s", items(connection));
  run(connection, "BEGIN");
  server_error("error", PQexec(connection, "SELECT 1 / 0"));
  server_error("aborted", PQexec(connection, "SELECT 1"));
  run(connection, "ROLLBACK");
  step("after error", "%s", value(connection, "SELECT 1"));
  step("position", "%s", field(PQexec(connection, "SELECT nonsense"), PG_DIAG_STATEMENT_POSITION));
}

/* The statements in one pipeline with one Sync: the error there was, or NULL. */
static PGresult* pipeline(PGconn* connection, const char* const* statements) {
  PQenterPipelineMode(connection);
  for (; *statements; ++statements) PQsendQueryParams(connection, *statements, 0, NULL, NULL, NULL, NULL, 0);
  PQpipelineSync(connection);
  PGresult* failed = NULL;
  for (bool synced = false; !synced;) {
    PGresult* result = PQgetResult(connection); /* NULL between two statements */
    synced = result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    if (result && PQresultStatus(result) == PGRES_FATAL_ERROR)
      failed = result;
    else
      PQclear(result);
  }
  PQexitPipelineMode(connection);
  return failed;
}

static void streams(PGconn* connection) {
  pipeline(connection, (const char*[]){"INSERT INTO item VALUES (11)", "INSERT INTO item VALUES (12)",
                                       "INSERT INTO item VALUES (13)", NULL});
  step("batch", "%s", items(connection));
  server_error("batch error",
               pipeline(connection, (const char*[]){"INSERT INTO item VALUES (21)", "SELECT 1 / 0",
                                                    "INSERT INTO item VALUES (22)", NULL}));
  step("batch rows", "%s", items(connection));
  run(connection, "COPY item (id) FROM STDIN");
  for (int id = 1001; id <= 2000; ++id) {
    char line[16];
    PQputCopyData(connection, line, snprintf(line, sizeof line, "%d\n", id));
  }
  PQputCopyEnd(connection, NULL);
  step("copy in", "%s", PQcmdTuples(PQgetResult(connection)));
  PQgetResult(connection);
  run(connection, "COPY item (id) FROM STDIN");
  PQputCopyData(connection, "x\n", 2);
  PQputCopyEnd(connection, NULL);
  server_error("copy error", PQgetResult(connection));
  PQgetResult(connection);
  run(connection, "COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT");
  long count = 0, sum = 0;
  for (char* line; PQgetCopyData(connection, &line, false) > 0; PQfreemem(line), ++count) sum += atol(line);
  PQgetResult(connection);
  PQgetResult(connection);
  step("copy out", "%ld %ld", count, sum);
}

static void show_notice(void* context, const PGresult* notice) {
  (void)context;
  step("notice", "%s %s", field(notice, PG_DIAG_SEVERITY), field(notice, PG_DIAG_MESSAGE_PRIMARY));
}

static void asynchronous(PGconn* connection) {
  PQsetNoticeReceiver(connection, show_notice, NULL);
  run(connection, "SELECT say('hello')");
  run(connection, "LISTEN tidings");
  run(connection, "NOTIFY tidings, 'payload'");
  PQconsumeInput(connection);
  const PGnotify* notification = PQnotifies(connection);
  step("notify", "%s %s", notification->relname, notification->extra);
  PQsendQuery(connection, "SELECT pg_sleep(30)");
  PGconn* other = connect_to("");
  run(other, "SELECT await_sleeper()");
  PQfinish(other);
  char error[256];
  PGcancel* cancel = PQgetCancel(connection);
  if (!PQcancel(cancel, error, sizeof error)) fprintf(stderr, "%s", error);
  PQfreeCancel(cancel);
  server_error("cancel", PQgetResult(connection));
  PQgetResult(connection);
  usleep(300000); /* PostgreSQL signals twice: the second signal must not meet the next statement. */
}

static void large(PGconn* connection) {
  PQsendQuery(connection, "SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i");
  PQsetSingleRowMode(connection);
  long count = 0, sum = 0;
  for (PGresult* result; (result = PQgetResult(connection)) != NULL; PQclear(result)) {
    if (PQresultStatus(result) != PGRES_SINGLE_TUPLE) continue;
    ++count;
    sum += atol(PQgetvalue(result, 0, 0));
  }
  step("large", "%ld %ld", count, sum);
}

static void exercise(void) {
  PGconn* refused = PQconnectdb("password=wrong");
  const char* reason = strstr(PQerrorMessage(refused), "FATAL:  ") + strlen("FATAL:  ");
  step("wrong password", "%.*s", (int)strcspn(reason, "\n"), reason);
  PQfinish(refused);
  PGconn* connection = connect_to("");
  const PGresult* user = run(connection, "SELECT current_user, current_setting('application_name')");
  step("connect", "%s %s", PQgetvalue(user, 0, 0), PQgetvalue(user, 0, 1));
  values(connection);
  transactions(connection);
  streams(connection);
  asynchronous(connection);
  large(connection);
  PQsendQuery(connection, "SELECT 1; SELECT 2");
  const PGresult *first = PQgetResult(connection), *second = PQgetResult(connection);
  PQgetResult(connection);
  step("multi", "%s %s", PQgetvalue(first, 0, 0), PQgetvalue(second, 0, 0));
  step("empty", "%s", PQresultStatus(PQexec(connection, "")) == PGRES_EMPTY_QUERY ? "ok" : "not empty");
  step("tables", "%s",
       value(connection,
             "SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables "
             "WHERE table_schema = 'public'"));
  run(connection, "DISCARD ALL");
  step("reset", "ok");
  PQfinish(connection);
  step("disconnect", "ok");
}

static void attempt(PGconn* connection, const char* name, const PGresult* result) {
  static const struct {
    const char* name;
    int code;
  } fields[] = {{"sqlstate", PG_DIAG_SQLSTATE},
                {"detail", PG_DIAG_MESSAGE_DETAIL},
                {"hint", PG_DIAG_MESSAGE_HINT},
                {"position", PG_DIAG_STATEMENT_POSITION}};
  char line[64];
  step(name, "%s", PQresultErrorMessage(result));
  for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) {
    snprintf(line, sizeof line, "%s %s", name, fields[i].name);
    step(line, "%s", field(result, fields[i].code));
  }
  if (PQtransactionStatus(connection) == PQTRANS_INERROR) {
    snprintf(line, sizeof line, "%s aborted", name);
    server_error(line, PQexec(connection, "SELECT 1"));
    run(connection, "ROLLBACK");
  }
  const PGresult* kept = run(connection, "SELECT count(*), max(name) FROM kept");
  snprintf(line, sizeof line, "%s after", name);
  step(line, "%s %s", PQgetvalue(kept, 0, 0), PQgetvalue(kept, 0, 1));
}

static void denied(void) {
  PGconn* connection = connect_to("");
  const char* name = "three";
  attempt(connection, "drop", PQexec(connection, "DROP TABLE kept CASCADE"));
  attempt(connection, "create", PQprepare(connection, "making", "CREATE TABLE made (id int)", 0, NULL));
  attempt(connection, "update", parametrised(connection, "UPDATE kept SET name = $1", 1, &name));
  run(connection, "BEGIN");
  run(connection, "INSERT INTO kept VALUES (3)");
  attempt(connection, "transaction", PQexec(connection, "DELETE FROM kept"));
  attempt(connection, "batch",
          pipeline(connection, (const char*[]){"INSERT INTO kept VALUES (4)", "DROP TABLE kept",
                                               "INSERT INTO kept VALUES (5)", NULL}));
  PQfinish(connection);
}

int main(int count, char** arguments) {
  if (count == 2 && strcmp(arguments[1], "denied") == 0)
    denied();
  else
    exercise();
  return 0;
}
