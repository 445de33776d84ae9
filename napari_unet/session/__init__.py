"""One annotation session: images, strokes, classes, the models it brought, live prediction. Knows no Qt."""
