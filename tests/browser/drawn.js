// Notes what the charts paint, from outside: every uPlot that is made, and the bars and bands of its last drawing.
(() => {
  const plots = [];
  let original;
  Object.defineProperty(window, "uPlot", {
    configurable: true,
    get: () => original,
    set: (made) => {
      original = new Proxy(made, {
        construct(target, args) {
          const plot = Reflect.construct(target, args);
          plots.push(plot);
          return plot;
        },
      });
    },
  });

  const bars = new Map();
  const filled = new Map();
  const texts = new Map();
  const { clearRect, fillRect, fillText, roundRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    filled.set(this, []);
    texts.set(this, []);
    bars.set(this, []); // uPlot wipes its canvas before it draws
    return clearRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillRect = function (...box) {
    filled.get(this)?.push(box);
    return fillRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillText = function (...text) {
    texts.get(this)?.push(text);
    return fillText.apply(this, text);
  };
  CanvasRenderingContext2D.prototype.roundRect = function (...box) {
    bars.get(this)?.push(box);
    return roundRect.apply(this, box);
  };

  const plotOf = (metric) =>
    plots.find(({ root }) => root.closest("section.chart").querySelector("[data-layer]").dataset.metric === metric);

  // What is filled over the whole width of one chart, as [upper value, lower value].
  window.drawnBands = (metric) => {
    const plot = plotOf(metric);
    const wide = filled.get(plot.ctx).filter(([, , width]) => width === plot.bbox.width);
    return wide.map(([, y, , height]) => [y, y + height].map((edge) => Math.round(plot.posToVal(edge, "y", true))));
  };

  // From the lowest to the highest value of one chart's axis.
  window.drawnRange = (metric) => {
    const { min, max } = plotOf(metric).scales.y;
    return [min, max];
  };

  // What stands beside the value axis of one chart, from the bottom up.
  window.drawnAxis = (metric) => {
    const plot = plotOf(metric);
    const beside = texts.get(plot.ctx).filter(([text, x, y]) => text && x < plot.bbox.left && y <= plot.bbox.top + plot.bbox.height);
    return beside.map(([text]) => text);
  };

  // The bars on the canvas of one chart, as [seconds since 1970, upper value, lower value].
  window.drawnBars = (metric) => {
    const plot = plotOf(metric);
    return bars.get(plot.ctx).map(([x, y, width, height]) => [
      Math.round(plot.posToVal(x + width / 2, "x", true)),
      Math.round(plot.posToVal(y, "y", true)),
      Math.round(plot.posToVal(y + height, "y", true)),
    ]);
  };
})();
