// Package ir has the workflows of couler-plugins as Go types, and writes them as the JSON that every command reads.
package ir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Text is a piece of text among references.
type Text string

// Pair is a name with a value, written as a list of the two.
type Pair struct {
	Name  string
	Value Value
}

// MarshalJSON writes a list.
func (pair Pair) MarshalJSON() ([]byte, error) {
	return encode([2]any{pair.Name, pair.Value})
}

// UnmarshalJSON reads a list.
func (pair *Pair) UnmarshalJSON(data []byte) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if err := decode(parts[0], &pair.Name); err != nil {
		return err
	}
	var err error
	pair.Value, err = readValue(parts[1])
	return err
}

// Option is a name with a constant, written as a list of the two.
type Option struct {
	Name  string
	Value any
}

// MarshalJSON writes a list.
func (option Option) MarshalJSON() ([]byte, error) {
	return encode([2]any{option.Name, option.Value})
}

// UnmarshalJSON reads a list.
func (option *Option) UnmarshalJSON(data []byte) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if err := decode(parts[0], &option.Name); err != nil {
		return err
	}
	var err error
	option.Value, err = readScalar(parts[1])
	return err
}

// Marshal writes a workflow byte for byte as couler-plugins does: indented by two, and nothing escaped for HTML.
func Marshal(workflow Workflow) ([]byte, error) {
	compact, err := encode(Envelope{Schema: Schema, Workflow: workflow})
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// Unmarshal reads a workflow; a field that this version does not know is an error.
func Unmarshal(data []byte) (Workflow, error) {
	var version struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Workflow{}, err
	}
	if version.Schema != Schema {
		return Workflow{}, fmt.Errorf("the schema is %q, this package reads %q", version.Schema, Schema)
	}
	envelope, err := read[Envelope](data)
	return envelope.Workflow, err
}

// List is a list of constants, as a loop takes it.
func List[T string | bool | int](items ...T) Native {
	data, err := encode(items)
	if err != nil {
		panic(err) // these types can always be written
	}
	return Native{Parts: []Part{Text(data)}}
}

// Float is a number that keeps its point: 2.0 is another constant than 2, and Go would write both as 2.
func Float(value float64) json.Number {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return json.Number(text)
}

// encode is json.Marshal without the escapes for HTML.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return unescape(bytes.TrimRight(buffer.Bytes(), "\n")), nil
}

// unescape writes the two line separators plainly, which Go escapes for JavaScript, and Python does not.
func unescape(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u202`)) {
		return data
	}
	var plain []byte
	for len(data) > 0 {
		size := 1
		switch {
		case bytes.HasPrefix(data, []byte(`\u2028`)) || bytes.HasPrefix(data, []byte(`\u2029`)):
			plain = append(plain, "\u2028"[:2]...)
			plain = append(plain, data[5]-'8'+0xa8)
			data = data[6:]
			continue
		case data[0] == '\\':
			size = 2 // what is escaped is no start of an escape
		}
		plain = append(plain, data[:size]...)
		data = data[size:]
	}
	return plain
}

// decode is json.Unmarshal that refuses fields which the schema does not have.
func decode(data []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(target)
}

// tagged writes fields with a tag before them.
func tagged(tag string, fields any) ([]byte, error) {
	body, err := encode(fields)
	if err != nil {
		return nil, err
	}
	start := fmt.Sprintf("{%q:%q", "type", tag)
	if string(body) == "{}" {
		return []byte(start + "}"), nil
	}
	return append([]byte(start+","), body[1:]...), nil
}

func absent(data json.RawMessage) bool {
	return len(data) == 0 || string(data) == "null"
}

func tagOf(data json.RawMessage) string {
	var tag struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &tag); err != nil {
		return ""
	}
	return tag.Type
}

func read[T any](data json.RawMessage) (T, error) {
	var value T
	err := decode(data, &value)
	return value, err
}

func readAll[T any](data json.RawMessage, one func(json.RawMessage) (T, error)) ([]T, error) {
	if absent(data) {
		return nil, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, err
	}
	values := make([]T, len(parts))
	for number, part := range parts {
		value, err := one(part)
		if err != nil {
			return nil, err
		}
		values[number] = value
	}
	return values, nil
}

// readScalar keeps numbers as they are spelled: 1 and 1.0 are two constants.
func readScalar(data json.RawMessage) (any, error) {
	if absent(data) {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	switch value.(type) {
	case []any, map[string]any:
		return nil, fmt.Errorf("%.60s is no constant", data)
	}
	return value, err
}

func unknown(union string, data json.RawMessage) error {
	return fmt.Errorf("%.60s is no %s", data, union)
}
