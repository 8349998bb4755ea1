//! The figures as SVG, on white so that they are readable on any page.

use std::error::Error;

use plotters::{
    coord::types::RangedCoordf64,
    prelude::{
        BLACK, ChartBuilder, ChartContext, Color, DrawingArea, IntoDrawingArea, PathElement,
        RGBColor, Rectangle, SVGBackend, Text, WHITE,
    },
    style::{
        IntoFont, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::{
    figures::{Spread, told},
    jobs::Measured,
    latency,
    plan::Width,
};

pub const SIZE: (u32, u32) = (760, 340);
pub const OURS: RGBColor = RGBColor(31, 119, 180);
const THEIRS: RGBColor = RGBColor(160, 160, 160);
pub const FONT: &str = "sans-serif";

pub type Drawn = Result<(), Box<dyn Error>>;
pub type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    plotters::prelude::Cartesian2d<RangedCoordf64, RangedCoordf64>,
>;

/// Binleaf's bars beside the bare driver's, for the jobs of one width.
pub fn jobs(measured: &[Measured], width: Width) -> Option<String> {
    let jobs: Vec<&Measured> = measured.iter().filter(|one| one.job.width == width).collect();
    let title = match width {
        Width::Narrow => "Rows of 12 columns, some 300 bytes: operations a second",
        Width::Wide => "Rows of some 10 KB: operations a second",
    };
    (!jobs.is_empty()).then(|| svg(|area| bars(area, title, &jobs)))
}

/// Both histograms, over a logarithmic scale of milliseconds.
pub fn latency(measured: &latency::Measured) -> String {
    svg(|area| histogram(area, measured))
}

pub fn svg(draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).expect("text");
        draw(&area).expect("text");
        area.present().expect("text");
    }
    text
}

fn bars(area: &Area<'_>, title: &str, jobs: &[&Measured]) -> Drawn {
    let highest = |job: &&Measured| job.ours().highest.max(job.best().1.highest);
    let top = jobs.iter().map(highest).fold(0.0, f64::max) * 1.3;
    let groups = f64::from(u32::try_from(jobs.len())?);
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..groups, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(0)
        .y_labels(6)
        .y_label_formatter(&|value| told(value.max(0.0)).replace("0.00", "0"))
        .label_style((FONT, 12))
        .draw()?;
    for (number, job) in (0_u32..).zip(jobs) {
        let left = f64::from(number);
        bar(&mut chart, left + 0.12, job.ours(), OURS)?;
        bar(&mut chart, left + 0.5, job.best().1, THEIRS)?;
        let name = format!("{} ({:.2})", job.job.work.name(), job.ratio());
        below(area, &chart, left + 0.5, &name)?;
    }
    legend(&mut chart, ["binleaf", "bare driver (the ratio of the two in brackets)"])
}

/// From zero to the median, with a line from the lowest to the highest and the median above.
fn bar(chart: &mut Chart<'_, '_>, left: f64, rate: Spread, colour: RGBColor) -> Drawn {
    const WIDTH: f64 = 0.36;
    let middle = left + WIDTH / 2.0;
    let body = Rectangle::new([(left, 0.0), (left + WIDTH, rate.median)], colour.filled());
    let whisker = PathElement::new(vec![(middle, rate.lowest), (middle, rate.highest)], BLACK);
    let label = Text::new(told(rate.median), (middle, rate.highest), centred(12, VPos::Bottom));
    chart.draw_series([body])?;
    chart.draw_series([whisker])?;
    chart.draw_series([label])?;
    Ok(())
}

fn below(area: &Area<'_>, chart: &Chart<'_, '_>, at: f64, text: &str) -> Drawn {
    let (x, y) = chart.backend_coord(&(at, 0.0));
    area.draw(&Text::new(text.to_owned(), (x, y + 8), centred(13, VPos::Top)))?;
    Ok(())
}

fn centred(size: u32, vertical: VPos) -> TextStyle<'static> {
    let style = TextStyle::from((FONT, size).into_font()).color(&BLACK);
    style.pos(Pos::new(HPos::Center, vertical))
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, names: [&str; 2]) -> Drawn {
    for (name, colour) in names.into_iter().zip([OURS, THEIRS]) {
        let key = move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled());
        chart.draw_series(std::iter::empty::<Rectangle<(f64, f64)>>())?.label(name).legend(key);
    }
    chart
        .configure_series_labels()
        .position(plotters::prelude::SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(THEIRS)
        .label_font((FONT, 12))
        .draw()?;
    Ok(())
}

/// A mark of the scale of milliseconds.
fn scale(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { told(value) }
}

fn histogram(area: &Area<'_>, measured: &latency::Measured) -> Drawn {
    let both = [&measured.binleaf, &measured.bare_driver];
    let used = |bin: &&latency::Bin| bin.count > 0;
    let bounds = both.iter().flat_map(|one| one.histogram.iter().filter(used));
    let (mut first, mut last, mut top) = (f64::MAX, f64::MIN, 0);
    for bin in bounds {
        (first, last) = (first.min(bin.up_to.log10() - 0.1), last.max(bin.up_to.log10()));
        top = top.max(bin.count);
    }
    let mut chart = ChartBuilder::on(area)
        .caption("Milliseconds until the document is acknowledged", (FONT, 16))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(first..last, 0.0..f64::from(u32::try_from(top)?) * 1.3)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(12)
        .x_label_formatter(&|exponent| scale(10_f64.powf(*exponent)))
        .y_label_formatter(&|count| format!("{count:.0}"))
        .x_desc("ms")
        .y_desc("writes")
        .label_style((FONT, 12))
        .draw()?;
    for ((one, colour), left) in both.into_iter().zip([OURS, THEIRS]).zip([-0.095, -0.05]) {
        let bars = one.histogram.iter().filter(used).map(|bin| {
            let (at, count) =
                (bin.up_to.log10() + left, u32::try_from(bin.count).unwrap_or(u32::MAX));
            Rectangle::new([(at, 0.0), (at + 0.045, f64::from(count))], colour.filled())
        });
        chart.draw_series(bars)?;
    }
    let name = |who: &str, one: &latency::Latency| {
        format!("{who}: p50 {:.1}, p99 {:.1}", one.p50, one.p99)
    };
    let (ours, theirs) = (name("commit to visible", both[0]), name("bare write", both[1]));
    legend(&mut chart, [&ours, &theirs])
}
