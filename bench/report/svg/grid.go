package svg

// A Grid shows what came when: one column for each block of trials, one row for each place in it.
type Grid struct {
	Title, Desc string
	Names       []string // of the styles, for the legend
	Styles      []int
	Cells       []Cell
	Columns     string // what the columns are, such as "pair"
	Rows        string
}

// A Cell of a Grid; Column and Row count from 0.
type Cell struct {
	Column, Row, Style int
	Crossed            bool
	Tip                string
}

const mostColumns = 1000

// Draw returns the grid, or the empty text if it has no cells.
func (g Grid) Draw() string {
	columns, rows := 0, 0
	for _, c := range g.Cells {
		if c.Column >= 0 && c.Column < mostColumns && c.Row >= 0 && c.Row < mostColumns {
			columns, rows = max(columns, c.Column+1), max(rows, c.Row+1)
		}
	}
	if columns == 0 {
		return ""
	}
	const left = 62.0
	cell := min(26, (Width-left-rightMargin)/float64(columns))
	var d, body drawing
	head := body.legend(left, 4, Width-left-rightMargin, g.Names, g.Styles, false) + 6
	bottom := head + cell*float64(rows)
	for row := range rows {
		if cell >= fontSize || row == 0 {
			body.text(left-8, head+cell*(float64(row)+0.5)+4, "end", "tick", g.Rows+" "+Number(float64(row+1)))
		}
	}
	free := 0.0
	for column := range columns {
		label := Number(float64(column + 1))
		x := left + cell*(float64(column)+0.5)
		if from := x - textWidth(label)/2; from >= free {
			free = x + textWidth(label)/2 + 6
			body.text(x, bottom+15, "middle", "tick", label)
		}
	}
	body.text(left-8, bottom+15, "end", "tick", g.Columns)
	for _, c := range g.Cells {
		if c.Column < 0 || c.Column >= columns || c.Row < 0 || c.Row >= rows {
			continue
		}
		x, y := left+cell*float64(c.Column), head+cell*float64(c.Row)
		body.marker(c.Style, x+cell/2, y+cell/2, cell*0.3, c.Crossed, c.Tip)
		if c.Crossed {
			body.add(`<path d="M%s,%s L%s,%s" class="cross" stroke="#b00" stroke-width="2.5"/>`,
				num(x+cell*.1), num(y+cell*.9), num(x+cell*.9), num(y+cell*.1))
		}
	}
	d.open(Width, bottom+24, g.Title, g.Desc)
	d.WriteString(body.String())
	return d.close()
}
