//! What was seen over time, a panel each, on a scale that begins at zero: flat is what is hoped for.

use plotters::{
    prelude::{ChartBuilder, PathElement},
    style::{Color, WHITE},
};

use crate::{
    figures::told,
    plot::{Area, Drawn, FONT, OURS, svg},
    soak::{Measured, READINGS, Reading},
};

/// All readings of the long run.
pub fn soak(measured: &Measured) -> String {
    svg(|area| panels(area, measured))
}

fn panels(area: &Area<'_>, measured: &Measured) -> Drawn {
    for (panel, reading) in area.split_evenly((2, 2)).iter().zip(READINGS) {
        line(panel, measured, reading)?;
    }
    Ok(())
}

fn line(area: &Area<'_>, measured: &Measured, (name, reading): Reading) -> Drawn {
    let points: Vec<_> =
        measured.samples.iter().map(|sample| (sample.seconds / 60.0, reading(sample))).collect();
    let end = points.last().map_or(1.0, |(minute, _)| *minute);
    let top = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(name, (FONT, 14))
        .margin(8)
        .x_label_area_size(20)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..end, 0.0..(top * 1.3).max(1.0))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(7)
        .y_labels(4)
        .x_label_formatter(&|minute| format!("{minute:.0}"))
        .y_label_formatter(&|value| told(value.max(0.0)).replace("0.00", "0"))
        .label_style((FONT, 11))
        .draw()?;
    chart.draw_series([PathElement::new(points, OURS.stroke_width(1))])?;
    Ok(())
}
