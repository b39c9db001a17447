package webhook

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// record is a notice as the file has it: a checksum (CRC-32C of the endpoint's
// URL, the key and what follows; 4 bytes, big endian) and this as JSON.
type record struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	At   time.Time `json:"at"`
	Data Event     `json:"data"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(url string, key, text []byte) uint32 {
	sum := crc32.Checksum([]byte(url), castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, text)
}

// record returns the notice as the file has it in its place.
func (n *notice) record(url string, key []byte) []byte {
	text, err := json.Marshal(record{n.id, n.event.Type, n.at, n.event})
	if err != nil {
		panic("webhook: a notice has no JSON: " + err.Error()) // as in body
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), checksum(url, key, text))
	return append(b, text...)
}

var types = []string{Created, Active, Idle, Changed, Stored, Deleted, Missed}

// parseRecord is the inverse of record.
func parseRecord(url string, key, b []byte) (*notice, error) {
	if len(b) < 4 || binary.BigEndian.Uint32(b) != checksum(url, key, b[4:]) {
		return nil, errors.New("the checksum is wrong")
	}
	var r record
	if err := json.Unmarshal(b[4:], &r); err != nil {
		return nil, err
	}
	if r.ID == "" || r.At.IsZero() || !slices.Contains(types, r.Type) {
		return nil, fmt.Errorf("a notice of type %.40q at %v makes no sense", r.Type, r.At)
	}
	r.Data.Type = r.Type
	return &notice{r.ID, r.At.UTC(), r.Data}, nil
}
