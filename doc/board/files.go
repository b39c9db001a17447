package board

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
)

// mostSlices is how many slices the largest image that is read has.
const mostSlices = 64

// imageTypes is what a browser shows as a picture, and runs nothing of.
var imageTypes = regexp.MustCompile(`^image/(png|jpeg|gif|webp|bmp|avif|svg\+xml|x-icon|jfif)$`)

// file is an image of a board.
type file struct {
	mime string
	data []byte
}

// dataURL returns the image as a URL that has it all.
func (f file) dataURL() string {
	return "data:" + f.mime + ";base64," + base64.StdEncoding.EncodeToString(f.data)
}

// readFile returns an image of a document, if all of it is there: ID says what
// it is and of how many slices, ID/0, ID/1, … are its bytes.
func readFile(files map[string]json.RawMessage, id string) (file, bool) {
	var head, part string
	var what struct {
		Type   string  `json:"type"`
		Slices float64 `json:"slices"`
	}
	if json.Unmarshal(files[id], &head) != nil || json.Unmarshal([]byte(head), &what) != nil {
		return file{}, false
	}
	slices := int(min(what.Slices, mostSlices+1))
	if !imageTypes.MatchString(what.Type) || float64(slices) != what.Slices || slices < 1 || slices > mostSlices {
		return file{}, false
	}
	f := file{mime: what.Type}
	for i := range slices {
		if json.Unmarshal(files[id+"/"+strconv.Itoa(i)], &part) != nil {
			return file{}, false
		}
		data, err := base64.StdEncoding.DecodeString(part)
		if err != nil {
			return file{}, false
		}
		f.data = append(f.data, data...)
	}
	return f, true
}
