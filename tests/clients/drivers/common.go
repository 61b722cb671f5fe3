// What the exercises in Go share.

package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

const identity = `SELECT current_user, current_setting('application_name')`
const typesQuery = `SELECT $1::int4, $2::int8, $3::numeric, $4::float8, $5::bool, $6::text, $7::text, $8::text,
	$9::bytea, $10::timestamptz, $11::int[], $12::text[], $13::json`
const tables = `SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables
	WHERE table_schema = 'public'`
const unicode = `naïve ✓ 𝄞 'single' "double" \ back`
const document = `{"a":[1,null,"ü"]}`

var moment = time.Date(2024, 2, 29, 12, 34, 56, 789000000, time.UTC)

func step(name string, values ...interface{}) {
	texts := make([]string, len(values))
	for i, value := range values {
		switch value := value.(type) {
		case nil:
			texts[i] = "NULL"
		case bool:
			texts[i] = map[bool]string{true: "t", false: "f"}[value]
		case time.Time:
			texts[i] = value.UTC().Format("2006-01-02 15:04:05.000+00")
		default:
			texts[i] = fmt.Sprint(value)
		}
	}
	fmt.Println(name+":", strings.ReplaceAll(strings.Join(texts, " "), "\n", `\n`))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func afterColon(text, mark string) string {
	return strings.TrimSpace(text[strings.LastIndex(text, mark)+len(mark):])
}

func main() {
	map[string]func(){"exercise": exercise, "denied": denied}[os.Args[1]]()
}
