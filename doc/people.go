package doc

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/baton-relay/baton/clock"
)

// People returns the names that a document gives to actors, from its content in
// plain JSON: those under "people", by actor, as a name or as {"name": …} in JSON,
// which is how Baton's whiteboard keeps them. Whatever is no name is left out.
func People(content []byte) map[clock.Actor]string {
	var root struct {
		People map[string]json.RawMessage `json:"people"`
	}
	names := map[clock.Actor]string{}
	if json.Unmarshal(content, &root) != nil {
		return names
	}
	for actor, text := range root.People {
		var plain string
		if json.Unmarshal(text, &plain) == nil {
			text = json.RawMessage(plain)
		}
		var person struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(text, &person) != nil {
			person.Name = ""
		}
		if strings.HasPrefix(plain, "{") {
			plain = ""
		}
		if name := cmp.Or(person.Name, plain); name != "" && clock.Actor(actor).Valid() {
			names[clock.Actor(actor)] = name
		}
	}
	return names
}
