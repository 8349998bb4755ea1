//! The picture of lag over time, on white so that it is readable on any page.

use std::error::Error;

use plotters::{
    prelude::{
        BLACK, ChartBuilder, Color, IntoDrawingArea, PathElement, RGBColor, Rectangle, SVGBackend,
        Text, WHITE,
    },
    style::{
        IntoFont, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::lag::Stretch;

const SIZE: (u32, u32) = (760, 300);
const LINE: RGBColor = RGBColor(31, 119, 180);
const AWAY: RGBColor = RGBColor(214, 39, 40);
const FONT: &str = "sans-serif";

/// Draws the readings, with what happened behind them.
pub fn lag(story: &[Stretch], readings: &[(f64, f64)]) -> String {
    let mut text = String::new();
    draw(&mut text, story, readings).expect("text");
    text
}

fn draw(
    text: &mut String,
    story: &[Stretch],
    readings: &[(f64, f64)],
) -> Result<(), Box<dyn Error>> {
    let begin = story.first().map_or(0.0, |stretch| stretch.from);
    let end = story.last().map_or(0.0, |stretch| stretch.to) - begin;
    let top = readings.iter().map(|reading| reading.1).fold(1.0, f64::max) * 1.2;
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("binleaf_lag_seconds, as Prometheus read it", (FONT, 16))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_desc("seconds")
        .y_desc("seconds behind")
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style((FONT, 12))
        .draw()?;
    let style = TextStyle::from((FONT, 13).into_font()).color(&BLACK);
    let style = style.pos(Pos::new(HPos::Center, VPos::Top));
    for stretch in story {
        let (from, to) = (stretch.from - begin, stretch.to - begin);
        if stretch.is_away {
            chart
                .draw_series([Rectangle::new([(from, 0.0), (to, top)], AWAY.mix(0.1).filled())])?;
        }
        if to - from > end / 12.0 {
            let middle = f64::midpoint(from, to);
            chart.draw_series([Text::new(stretch.name, (middle, top * 0.98), style.clone())])?;
        }
    }
    let points: Vec<_> = readings.iter().map(|(at, lag)| (at - begin, *lag)).collect();
    chart.draw_series([PathElement::new(points, LINE.stroke_width(2))])?;
    area.present()?;
    Ok(())
}
