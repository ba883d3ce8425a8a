import java.io.FileInputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.Properties;

/** Prints the keys and values that java.util.Properties reads from a file, as UTF-16 code units: `006b=0076`. */
public class ReadProperties {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (InputStream file = new FileInputStream(args[0])) {
      properties.load(file);
    }
    PrintStream out = System.out;
    for (String key : properties.stringPropertyNames()) {
      out.println(units(key) + "=" + units(properties.getProperty(key)));
    }
  }

  private static String units(String text) {
    StringBuilder hex = new StringBuilder();
    for (char unit : text.toCharArray()) hex.append(String.format("%04x", (int) unit));
    return hex.toString();
  }
}
