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

// record is a notice as the file has it: a checksum (CRC-32C, 4 bytes, big
// endian) and this as JSON.
type record struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	At   time.Time `json:"at"`
	Data Event     `json:"data"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (n *notice) record() []byte {
	text, err := json.Marshal(record{n.id, n.event.Type, n.at, n.event})
	if err != nil {
		panic("webhook: a notice has no JSON: " + err.Error()) // as in body
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), crc32.Checksum(text, castagnoli))
	return append(b, text...)
}

var types = []string{Created, Active, Idle, Changed, Stored, Deleted, Missed}

// parseRecord is the inverse of record.
func parseRecord(b []byte) (*notice, error) {
	if len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
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
