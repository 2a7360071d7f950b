-- Below the title of a page that is a notebook: a link to it in Colab. `colab` in _quarto.yml says where the notebooks are.
function Pandoc(doc)
  local root, file = quarto.project.directory, quarto.doc.input_file
  if not (root and file and file:match('%.ipynb$') and doc.meta.colab) then return nil end
  local page = pandoc.path.make_relative(file, root):gsub('\\', '/')
  local link = pandoc.Link('Open in Colab', pandoc.utils.stringify(doc.meta.colab) .. '/' .. page)
  doc.blocks:insert(1, pandoc.Div(pandoc.Plain(link), pandoc.Attr('', {'colab'})))
  return doc
end
