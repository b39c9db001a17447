package board

import (
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/image/colornames"
)

// colour is a colour and how opaque it is, from 0 to 1.
type colour struct{ r, g, b, a float64 }

var black = colour{0, 0, 0, 1}

// transparent says whether Excalidraw takes a colour for none at all.
func transparent(css string) bool {
	return css == "transparent" ||
		len(css) == 5 && css[4] == '0' ||
		len(css) == 9 && css[7:] == "00"
}

var colourCall = regexp.MustCompile(`^(rgb|hsl)a?\(\s*([-+.\d]+)(?:deg)?(%?)[\s,]+([-+.\d]+)(%?)[\s,]+([-+.\d]+)(%?)(?:[\s,/]+([.\d]+)(%?))?\s*\)$`)

// parseColour reads a colour as CSS has them: hex, rgb(), hsl() or a name. What
// is none is black, as on a canvas.
func parseColour(css string) colour {
	css = strings.ToLower(strings.TrimSpace(css))
	if css == "transparent" {
		return colour{}
	}
	if hex, ok := strings.CutPrefix(css, "#"); ok {
		return hexColour(hex)
	}
	if c, ok := colornames.Map[css]; ok {
		return colourOf(c)
	}
	m := colourCall.FindStringSubmatch(css)
	if m == nil {
		return black
	}
	part := func(i int, whole float64) float64 {
		v, err := strconv.ParseFloat(m[i], 64)
		if err != nil || math.IsNaN(v) {
			return 0
		}
		if m[i+1] == "%" {
			return v / 100
		}
		return v / whole
	}
	c := colour{a: 1}
	if m[8] != "" {
		c.a = unitOf(part(8, 1))
	}
	if m[1] == "hsl" {
		c.r, c.g, c.b = hsl(part(2, 360), unitOf(part(4, 100)), unitOf(part(6, 100)))
		return c
	}
	c.r, c.g, c.b = unitOf(part(2, 255)), unitOf(part(4, 255)), unitOf(part(6, 255))
	return c
}

func unitOf(v float64) float64 { return min(max(v, 0), 1) }

func colourOf(c color.RGBA) colour {
	return colour{float64(c.R) / 255, float64(c.G) / 255, float64(c.B) / 255, float64(c.A) / 255}
}

func hexColour(hex string) colour {
	if len(hex) == 3 || len(hex) == 4 {
		var long strings.Builder
		for _, c := range []byte(hex) {
			long.WriteByte(c)
			long.WriteByte(c)
		}
		hex = long.String()
	}
	if len(hex) == 6 {
		hex += "ff"
	}
	v, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 8 {
		return black
	}
	part := func(shift int) float64 { return float64(v>>shift&255) / 255 }
	return colour{part(24), part(16), part(8), part(0)}
}

// hsl returns the colour of a hue, in turns.
func hsl(hue, saturation, lightness float64) (r, g, b float64) {
	a := saturation * min(lightness, 1-lightness)
	at := func(n float64) float64 {
		k := math.Mod(n+hue*12, 12)
		if k < 0 {
			k += 12
		}
		return lightness - a*max(-1, min(k-3, 9-k, 1))
	}
	return at(0), at(8), at(4)
}

// dark returns the colour in the dark theme: inverted by 93 %, and its hue turned
// back by half a turn, as CSS filters do it.
func (c colour) dark() colour {
	const inverted = 0.93
	invert := func(v float64) float64 { return v*(1-2*inverted) + inverted }
	r, g, b := invert(c.r), invert(c.g), invert(c.b)
	// The matrix of hue-rotate(180deg), https://drafts.fxtf.org/filter-effects/.
	return colour{
		unitOf(-0.574*r + 1.430*g + 0.144*b),
		unitOf(0.426*r + 0.430*g + 0.144*b),
		unitOf(0.426*r + 1.430*g - 0.856*b),
		c.a,
	}
}

// hex returns the colour as CSS has it, without how opaque it is.
func (c colour) hex() string {
	const digits = "0123456789abcdef"
	out := []byte{'#'}
	for _, v := range []float64{c.r, c.g, c.b} {
		n := int(math.Round(v * 255))
		out = append(out, digits[n>>4], digits[n&15])
	}
	return string(out)
}
