// Draws changes into a plot: a dashed line and a triangle at each, and the level before and after.
"use strict";
{
  const triangle = (pen, x, y, up, size) => {
    pen.beginPath();
    pen.moveTo(x, up ? y : y + size);
    pen.lineTo(x - size * 0.7, up ? y + size : y);
    pen.lineTo(x + size * 0.7, up ? y + size : y);
    pen.closePath();
    pen.fill();
  };

  // `changes` in order; `colors` as plot.js reads them.
  perflint.drawMarkers = (plot, changes, colors) => {
    const pen = plot.ctx;
    const { left, top, width, height } = plot.bbox;
    const wide = devicePixelRatio || 1;
    const x = (value) => plot.valToPos(value, "x", true);
    const y = (value) => plot.valToPos(value, "y", true);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    changes.forEach((change, n) => {
      const at = x(change.position);
      const until = n + 1 < changes.length ? x(changes[n + 1].position) : left + width;
      if (!n) {
        pen.strokeStyle = colors.soft;
        pen.lineWidth = 2.5 * wide;
        pen.beginPath();
        pen.moveTo(left, y(change.before));
        pen.lineTo(at, y(change.before));
        pen.stroke();
      }
      pen.strokeStyle = pen.fillStyle = change.better ? colors.better : colors.worse;
      pen.lineWidth = 1.5 * wide;
      pen.setLineDash([5 * wide, 4 * wide]);
      pen.beginPath();
      pen.moveTo(at, top);
      pen.lineTo(at, top + height);
      pen.stroke();
      pen.setLineDash([]);
      pen.lineWidth = 2.5 * wide;
      pen.beginPath();
      pen.moveTo(at, y(change.after));
      pen.lineTo(until, y(change.after));
      pen.stroke();
      triangle(pen, at, top + 2 * wide, change.rises, 12 * wide);
    });
    pen.restore();
  };
}
